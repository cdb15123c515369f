import { randomBytes } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { makeDataDir } from "./make-data-dir.ts";

const KEY = /^plx_[A-Za-z0-9_-]{43}$/;

function adminKeyPath(dataDir: string): string {
  return join(dataDir, "admin.key");
}

/** The random admin key of a data directory; made once, mode 0600, never printed. */
export async function openAdminKey(dataDir: string): Promise<string> {
  const path = adminKeyPath(dataDir);
  try {
    await makeDataDir(dataDir);
    const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (known !== null) {
      if (!KEY.test(known.trim()))
        throw new ParallaxError("data_dir_unusable", `${path} does not hold an admin key`, {
          hint: "delete the file; a new key is made at the next start",
        });
      return known.trim();
    }
    const key = `plx_${randomBytes(32).toString("base64url")}`;
    // exclusive: of two starts at once, one makes the key and the other fails here instead of replacing it
    const file = await open(path, "wx", 0o600);
    await file.writeFile(`${key}\n`);
    await file.sync();
    await file.close();
    return key;
  } catch (error) {
    if (error instanceof ParallaxError) throw error;
    throw new ParallaxError(
      "data_dir_unusable",
      `the data directory ${dataDir} cannot be used: ${(error as Error).message}`,
      { cause: error, hint: "choose another one with --data-dir" },
    );
  }
}
