import { ParallaxError } from "@parallax/shared/errors";
import type { CreateRun } from "@parallax/shared/protocol/runs";

/** Each field is honoured or refused, never ignored: what has no implementation yet says so before anything is stored. */
export function refuseUnsupported(request: CreateRun): void {
  const refuse = (field: string, why: string): never => {
    throw new ParallaxError("unsupported_option", `${field}: ${why}`, { details: { field }, hint: "leave it out" });
  };
  if (request.secrets !== undefined && Object.keys(request.secrets).length > 0)
    refuse("secrets", "not available in this version; put the secret into the environment of the runner");
  if (request.image !== undefined)
    refuse("image", "is for container runtimes, which are not available in this version");
  if (request.workspace === "worktree") refuse("workspace", "worktree is not available in this version; shared is");
  if (request.mode === "interactive") refuse("mode", "interactive is not available in this version; headless is");
  if (request.runtime !== undefined && request.runtime !== "local")
    refuse("runtime", `${request.runtime} is not available in this version; local is`);
  for (const field of ["cpu", "memory", "pids"] as const) {
    if (request.resources?.[field] !== undefined)
      refuse(`resources.${field}`, "is for container runtimes, which are not available in this version");
  }
}
