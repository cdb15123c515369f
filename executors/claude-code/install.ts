/** How this CLI is brought to a machine; pure data, so that `--with` can install it and tests and hints name the same version. */

/** The version everything here was tried with. Older ones are not driven: flags and events differ. */
export const PINNED_VERSION = "2.1.329";

export interface InstallPlan {
  /** Folder below the agents' directory. */
  readonly folder: string;
  readonly npmPackage: string;
  readonly version: string;
  /** Path of the program below the folder. */
  readonly binPath: string;
  /** What a person should know before it is installed. */
  readonly notice: string;
}

export const installPlan: InstallPlan = {
  folder: "claude-code",
  npmPackage: "@anthropic-ai/claude-code",
  version: PINNED_VERSION,
  binPath: "node_modules/.bin/claude",
  notice: "Claude Code is proprietary software of Anthropic; installing and using it means accepting its terms.",
};

export const INSTALL_HINT = `Install it with ./scripts/up --with claude-code, or with npm install -g ${installPlan.npmPackage}@${PINNED_VERSION}.`;
