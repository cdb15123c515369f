import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Commands that tests start, and the Debian package that has each. */
const COMMANDS: Readonly<Record<string, string>> = {
  git: "git",
  setpriv: "util-linux",
  unshare: "util-linux",
};

/** Installs what is missing where that is possible (root on Debian), else says so; tests that need it will tell. */
export function ensureDebianPackages(): void {
  const missing = Object.keys(COMMANDS).filter((command) => !isOnPath(command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((command) => COMMANDS[command] ?? command))];
  if (process.getuid?.() !== 0 || !isOnPath("apt-get")) {
    console.log(`missing: ${missing.join(", ")} (Debian: apt install ${packages.join(" ")})`);
    return;
  }
  console.log(`installing ${packages.join(" ")} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const update = spawnSync("apt-get", ["update", "-qq"], { stdio: ["ignore", "ignore", "inherit"], env });
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  if (
    update.status !== 0 ||
    spawnSync("apt-get", install, { stdio: ["ignore", "ignore", "inherit"], env }).status !== 0
  ) {
    console.log(`could not install ${packages.join(" ")}`);
  }
}

function isOnPath(command: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => folder !== "" && existsSync(`${folder}/${command}`));
}
