import { describe, expect, it } from "vitest";
import { loadConfig } from "./config.ts";

const code = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
    return "accepted";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("the configuration", () => {
  it("has defaults for everything: loopback, port 8765, a Postgres of its own, authentication on", () => {
    expect(loadConfig({})).toMatchObject({ host: "127.0.0.1", port: 8765, databaseUrl: null, authOff: false });
  });

  it("accepts authentication off on loopback only", () => {
    expect(loadConfig({ PARALLAX_AUTH: "off" }).authOff).toBe(true);
    expect(code({ PARALLAX_AUTH: "off", PARALLAX_HOST: "0.0.0.0" })).toBe("config_invalid");
  });

  it.each([
    { PARALLAX_PORT: "http" },
    { PARALLAX_PORT: "70000" },
    { PARALLAX_AUTH: "maybe" },
    { PARALLAX_LIMIT_NOPE_MS: "1" },
    { PARALLAX_LIMIT_LEASE_TTL_MS: "soon" },
    { REDIS_URL: "redis://x" },
  ])("refuses what it does not understand: %j", (env) => {
    expect(code(env)).toBe("config_invalid");
  });

  it("lets every limit be set by its name", () => {
    expect(loadConfig({ PARALLAX_LIMIT_LEASE_TTL_MS: "30000" }).limits).toMatchObject({
      leaseTtlMs: 30_000,
      offerTtlMs: 15_000,
    });
  });
});
