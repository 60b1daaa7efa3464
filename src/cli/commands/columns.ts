import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import { formatTimestamp } from '../input/timestamp.js';
import type { Column } from '../output/table.js';

/** When it was made, to the second. */
export const CREATED_COLUMN: Column<{ createdAt: Timestamp | undefined }> = {
  title: 'CREATED',
  text: ({ createdAt }) => (createdAt ? formatTimestamp({ ...createdAt, nanos: 0 }) : ''),
};
