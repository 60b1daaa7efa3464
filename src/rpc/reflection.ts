import { fileURLToPath } from 'node:url';
import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

const PROTO_FOLDER = fileURLToPath(new URL('../../proto', import.meta.url));
const PUBLIC_FILES = [
  'weir/v1/quota_service.proto',
  'weir/v1/governance_service.proto',
  'weir/v1/inspection_service.proto',
  'weir/v1/ledger_service.proto',
];

/** Server reflection, so that generic clients can list and call our services without our files. */
export function addReflection(server: Server): void {
  const definition = loadSync(PUBLIC_FILES, { includeDirs: [PROTO_FOLDER], keepCase: true });
  new ReflectionService(definition).addToServer(server);
}
