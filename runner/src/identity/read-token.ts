import { readFileSync } from "node:fs";
import { ParallaxError } from "@parallax/shared/errors";

/** How to get the key at each call. A file is read each time: a changed key needs no restart. */
export function readToken(config: {
  readonly token: string | null;
  readonly tokenFile: string | null;
}): () => string | null {
  const { token, tokenFile } = config;
  if (tokenFile === null) return () => token;
  let last = readTokenFile(tokenFile);
  if (last === null) {
    throw new ParallaxError("config_invalid", `the token file ${tokenFile} cannot be read`, {
      hint: "The coordinator writes its admin key to <data-dir>/admin.key.",
    });
  }
  return () => {
    // While the file is being replaced, the key known so far is the best guess.
    last = readTokenFile(tokenFile) ?? last;
    return last;
  };
}

function readTokenFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim() || null;
  } catch {
    return null;
  }
}
