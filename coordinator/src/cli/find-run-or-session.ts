/** An id on the command line may name a run or a session; sessions may have names chosen by clients, also ones like run_1. */
import { isParallaxError } from "@parallax/shared/errors";
import { ID_PREFIXES } from "@parallax/shared/ids";
import type { Run } from "@parallax/shared/protocol/runs";
import type { Session } from "@parallax/shared/protocol/sessions";
import type { Client } from "@parallax/shared/sdk/client";

export type Found =
  | { readonly kind: "run"; readonly run: Run }
  | { readonly kind: "session"; readonly session: Session };

export async function findRunOrSession(client: Client, id: string, signal: AbortSignal): Promise<Found> {
  const asRun = async (): Promise<Found> => ({ kind: "run", run: await client.runs.get(id, { signal }) });
  const asSession = async (): Promise<Found> => ({
    kind: "session",
    session: await client.sessions.get(id, { signal }),
  });
  const [first, second] = id.startsWith(ID_PREFIXES.run) ? [asRun, asSession] : [asSession, asRun];
  try {
    return await first();
  } catch (error) {
    if (!isParallaxError(error) || error.status !== 404) throw error;
    return second().catch((other: unknown) => {
      throw isParallaxError(other) && other.status === 404 ? error : other;
    });
  }
}
