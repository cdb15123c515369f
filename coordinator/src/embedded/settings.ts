/** The cluster's only role. It is a superuser: nobody else connects to this server. */
export const SUPERUSER = "parallax";
/** The database of the URL that is handed out. */
export const DATABASE = "parallax";

/** Where a coordinator that runs as root keeps its clusters. */
export const SYSTEM_DIR = "/var/lib/parallax";

/** Nothing of the coordinator's own environment, which may hold secrets, reaches the server. */
export const SERVER_ENVIRONMENT: NodeJS.ProcessEnv = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/**
 * Given on the command line at every start, so that a new release's settings take effect on an old cluster.
 * What is accepted is durable: fsync, full_page_writes and synchronous_commit stay on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "100",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  password_encryption: "scram-sha-256",
  shared_buffers: "96MB",
  max_wal_size: "512MB",
  // Small queries only: compiling them and spreading them over processes costs more than it gives.
  jit: "off",
  max_parallel_workers_per_gather: "0",
  // No extra processes for input and output or replication.
  io_method: "sync",
  max_logical_replication_workers: "0",
  timezone: "UTC",
  log_timezone: "UTC",
  // The log keeps what an operator needs and no statement, parameter or row, which may hold secrets.
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
  log_checkpoints: "off",
  log_autovacuum_min_duration: "-1",
};

export function serverArguments(clusterDir: string, port: number): string[] {
  const settings = Object.entries({ ...SETTINGS, port: String(port) });
  return ["-D", clusterDir, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}
