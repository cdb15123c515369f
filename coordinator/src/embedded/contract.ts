import type { ParallaxError } from "@parallax/shared/errors";
import type { Logger } from "pino";

export interface EmbeddedPostgresOptions {
  /** The coordinator's data directory; the database's own files are in its folder `postgres`. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Tried first when the cluster has no remembered port yet. */
  readonly portHint?: number;
  /** Where a coordinator that runs as root keeps clusters and binaries for Postgres's own user. */
  readonly systemDir?: string;
}

export interface Restoration {
  /** From the moment the outage was noticed until statements were accepted again. */
  readonly downMs: number;
  /** False when the postmaster itself survived and only threw away its processes and recovered. */
  readonly restarted: boolean;
}

/** A Postgres of our own. It outlives a crash of this process; only `stop` ends it. */
export interface EmbeddedPostgres {
  /** With the password: never log it. The same for the whole life of this object, through every restart. */
  readonly url: string;
  /** True when a postmaster that an earlier process left behind was taken over. */
  readonly adopted: boolean;
  /** Called when the database is found to be gone; gives the way to unsubscribe. */
  onOutage(listener: () => void): () => void;
  onRestored(listener: (restoration: Restoration) => void): () => void;
  /** Why it is down and stays down, while it is; null when it is up or a restart has not failed yet. */
  failure(): ParallaxError | null;
  /** The postmaster's process id, for logs and tests. It changes with a restart. */
  processId(): number;
  /** Fast shutdown; resolves when no process of the cluster is left. */
  stop(): Promise<void>;
}
