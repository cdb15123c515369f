import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "./repository.ts";

const run = promisify(execFile);
const TOOLS = ["bash", "cat", "cksum", "dirname", "flock", "grep", "mkdir", "readlink", "uname"];

/** A checkout with the real bootstrap.sh; the package registry behind `npx` is the only part that is not real. */
interface Checkout {
  readonly folder: string;
  readonly bin: string;
  start(env?: Record<string, string>): Promise<{ stdout: string; stderr: string }>;
  installs(): string[];
}

let checkout: Checkout;
beforeEach(() => {
  checkout = makeCheckout();
});

describe("the shells' bootstrap", () => {
  it("installs once, and again only after the lockfile changed", async () => {
    provideNodeAndNpx(checkout);
    await checkout.start();
    await checkout.start();
    expect(checkout.installs()).toEqual(["--yes pnpm@12.21.0 install --frozen-lockfile"]);

    writeFileSync(join(checkout.folder, "pnpm-lock.yaml"), "changed: true\n");
    await checkout.start();
    expect(checkout.installs()).toHaveLength(2);
  });

  it("uses the Node that the install brought, and keeps the caller's folder and stdout", async () => {
    provideNodeAndNpx(checkout);
    const link = join(checkout.folder, "elsewhere", "link.sh");
    symlinkSync("../scripts/start.sh", link);
    const { stdout } = await run(link, { cwd: join(checkout.folder, "elsewhere"), env: { PATH: checkout.bin } });
    expect(stdout.split("\n")).toEqual([join(checkout.folder, "elsewhere"), checkout.folder, process.version, ""]);
  });

  it("installs without a home, and with one that cannot be written to", async () => {
    provideNodeAndNpx(checkout);
    await checkout.start();
    writeFileSync(join(checkout.folder, "pnpm-lock.yaml"), "changed: true\n");
    await checkout.start({ HOME: "/nonexistent" });
    const homes = readFileSync(join(checkout.folder, "homes"), "utf8").trim().split("\n");
    expect(homes).toEqual(Array(2).fill(join(checkout.folder, "node_modules/.parallax-home")));
  });

  it("says that Node is missing", async () => {
    await expect(checkout.start()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("not installed") });
  });

  it("says that npx and pnpm are missing", async () => {
    provideOldNode(checkout);
    await expect(checkout.start()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("neither npx nor pnpm"),
    });
  });

  it("says that no fitting Node came with the install, and does not call that installed", async () => {
    provideOldNode(checkout);
    writeTool(checkout, "npx", `echo "$*" >> "${checkout.folder}/installs"`);
    const refused = {
      code: 1,
      stderr: expect.stringContaining("Node.js >= 24 was neither found nor installed (node on PATH: v20.0.0)"),
    };
    await expect(checkout.start()).rejects.toMatchObject(refused);
    await expect(checkout.start()).rejects.toMatchObject(refused);
    expect(checkout.installs()).toHaveLength(2);
  });

  it("shows the output of a failed install and tries again the next time", async () => {
    provideOldNode(checkout);
    writeTool(checkout, "npx", `echo "registry is unreachable"; echo "$*" >> "${checkout.folder}/installs"; exit 7`);
    const refused = { code: 1, stderr: expect.stringContaining("registry is unreachable") };
    await expect(checkout.start()).rejects.toMatchObject(refused);
    await expect(checkout.start()).rejects.toMatchObject(refused);
    expect(checkout.installs()).toHaveLength(2);
  });
});

function makeCheckout(): Checkout {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "bootstrap-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const bin = join(folder, "bin");
  for (const name of ["bin", "scripts", "elsewhere"]) mkdirSync(join(folder, name));
  for (const name of ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml"]) writeFileSync(join(folder, name), "\n");
  symlinkSync("/usr/bin/env", join(bin, "env"));
  for (const tool of TOOLS) symlinkSync(whereIs(tool), join(bin, tool));
  writeFileSync(join(folder, "scripts/bootstrap.sh"), readFileSync(`${ROOT}/scripts/bootstrap.sh`));
  writeFileSync(
    join(folder, "scripts/start.sh"),
    `#!/usr/bin/env bash
set -euo pipefail
. "$(dirname "$(readlink -f "\${BASH_SOURCE[0]}")")/bootstrap.sh"
pwd; echo "$PARALLAX_ROOT"; exec node --version
`,
    { mode: 0o755 },
  );
  return {
    folder,
    bin,
    start: (env = {}) => run(join(folder, "scripts/start.sh"), { env: { PATH: bin, ...env } }),
    installs: () => readFileSync(join(folder, "installs"), "utf8").trim().split("\n"),
  };
}

function provideOldNode(target: Checkout): void {
  writeTool(target, "node", "echo v20.0.0");
}

/** An old Node on PATH, and an npx whose install brings the present one. */
function provideNodeAndNpx(target: Checkout): void {
  provideOldNode(target);
  writeTool(
    target,
    "npx",
    `echo "$*" >> "${target.folder}/installs"; echo "$HOME" >> "${target.folder}/homes"
mkdir -p node_modules/.bin
[ -e node_modules/.bin/node ] || "${whereIs("ln")}" -s "${process.execPath}" node_modules/.bin/node`,
  );
}

function writeTool(target: Checkout, name: string, script: string): void {
  writeFileSync(join(target.bin, name), `#!${whereIs("bash")}\n${script}\n`, { mode: 0o755 });
}

function whereIs(tool: string): string {
  for (const folder of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      return realpathSync(join(folder, tool));
    } catch {
      // not in this folder
    }
  }
  throw new Error(`${tool} is not installed`);
}
