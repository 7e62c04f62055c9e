import createClient from "openapi-fetch";
import type { paths } from "./schema";
import { session } from "./session.svelte";
import type { Failure } from "./types";

/** What a node, or the way to it, answered in place of a result. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** HTTP's; 0 when there was no answer. */
    readonly status: number,
    readonly code = "",
    /** The member of the payload that is wrong; empty when it is none. */
    readonly field = "",
  ) {
    super(message);
  }
}

export const client = createClient<paths>({
  fetch: (request) => {
    for (const [name, value] of Object.entries(session.headers())) request.headers.set(name, value);
    return fetch(request);
  },
  headers: { "Content-Type": "application/json" },
});

function errorOf(failure: unknown, response: Response): ApiError {
  if (response.status === 401 && response.headers.has("WWW-Authenticate")) session.refuse(response);
  const f = failure as Partial<Failure> | undefined;
  return new ApiError(
    typeof f?.msg === "string" ? f.msg : `the node answered ${response.status}`,
    response.status,
    f?.code,
    f?.field,
  );
}

/** The result of a call of `client`; throws ApiError. */
export async function answer<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  let done;
  try {
    done = await call;
  } catch {
    throw new ApiError("the node does not answer", 0, "unreachable");
  }
  if (done.data === undefined) throw errorOf(done.error, done.response);
  return done.data;
}

/** One sentence, as a sentence. */
export function sentence(e: unknown): string {
  const text = e instanceof Error ? e.message : String(e);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** What to do about a failure; empty when its sentence says all. */
export function advice(e: unknown): string {
  if (!(e instanceof ApiError)) return "";
  switch (e.code) {
    case "unreachable":
      return "Is distromash running on this machine, and the way to it (ssh -L) open? This page reconnects by itself.";
    case "unauthorized":
      return "Log in to the registry on the node with docker login, or give the node --registry-auth-file.";
    case "forbidden":
      // Registries and the guard of hosts forbid things, too; their sentences say all.
      return e.message.includes("no operator")
        ? "Open the page of one of those nodes, or have it add this one: distromash operator add."
        : "";
    case "not_found":
      return "Check the name (and the tag, of an image); images of other registries begin with their host, as in ghcr.io/org/app:1.";
    case "rate_limited":
      return "Wait, or log in to the registry on the node: accounts are allowed more.";
    case "unavailable":
    case "timed_out":
      return "The registry cannot be reached from this node. Try again when it is back; images that the fleet has already need no registry.";
    case "no_space":
      return "Make room on the node's disk, or remove images: distromash store gc.";
    case "conflict":
      return "Somebody changed this meanwhile, or it is still wanted: look at it again.";
    default:
      return "";
  }
}
