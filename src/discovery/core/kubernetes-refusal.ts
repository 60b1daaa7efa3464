/** What an answer of the Kubernetes API that is not 200 means for an operator, and how long to wait. */
import { textAt } from './json-shape.js';

export type KubernetesVerb = 'list' | 'watch';

export interface KubernetesQuestion {
  readonly verb: KubernetesVerb;
  /** `pods`, `endpointslices.discovery.k8s.io`: as a Role names it. */
  readonly resource: string;
  readonly namespace: string;
}

export interface Refusal {
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** The longest quote of what a server says of itself. */
const QUOTE_MAX = 300;

export function kubernetesRefusal(
  question: KubernetesQuestion,
  status: number,
  body: unknown,
  retryAfter?: string,
): Refusal {
  const said = textAt(body, 'message')?.slice(0, QUOTE_MAX);
  const quote = said === undefined ? '' : ` (${said})`;
  const message = `${explain(question, status)}${quote}`;
  const retryAfterMs = retryAfterMsOf(retryAfter);
  return retryAfterMs === undefined ? { message } : { message, retryAfterMs };
}

function explain({ verb, resource, namespace }: KubernetesQuestion, status: number): string {
  const asked = `"${verb}" on ${resource} in namespace ${namespace}`;
  switch (status) {
    case 401:
      return `the API server does not accept the token (401) for ${asked}; check the service account and its token file`;
    case 403:
      return `the service account lacks ${asked} (403); grant it get, list and watch there with a Role and a RoleBinding`;
    case 404:
      return `nothing to ${asked} (404); check cluster.discovery.k8sNamespace and the address of the API server`;
    case 429:
      return `the API server asks to slow down (429) for ${asked}`;
    default:
      return `the API server answered ${status} to ${asked}`;
  }
}

/** `Retry-After` in seconds; its other form, a date, is not used by API servers. */
export function retryAfterMsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}
