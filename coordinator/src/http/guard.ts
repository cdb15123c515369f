import { createHash, timingSafeEqual } from "node:crypto";
import { ParallaxError } from "@parallax/shared/errors";
import type { MiddlewareHandler } from "hono";
import type { AppEnvironment } from "./define-route.ts";

export interface GuardOptions {
  /** Null when authentication is off, which config accepts on loopback only. */
  readonly adminKey: string | null;
  /** Names this coordinator answers to, without port; an IP literal is always accepted: it cannot be rebound by DNS. */
  readonly allowedHosts: readonly string[];
}

/** A page in a browser must not reach the coordinator through a name that was pointed at it. */
export function checkHost(options: GuardOptions): MiddlewareHandler<AppEnvironment> {
  const allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  return async (context, next) => {
    const host = hostnameOf(context.req.header("host") ?? "");
    if (!isAllowed(host, allowed)) {
      throw new ParallaxError(
        "host_not_allowed",
        `this coordinator does not answer to the name '${host.slice(0, 100)}'`,
        { hint: "add it to PARALLAX_ALLOWED_HOSTS" },
      );
    }
    const origin = context.req.header("origin");
    if (origin !== undefined && !isAllowed(originHost(origin), allowed)) {
      throw new ParallaxError("origin_not_allowed", "requests from this origin are not allowed", {
        hint: "add its host to PARALLAX_ALLOWED_HOSTS",
      });
    }
    await next();
  };
}

function isAllowed(host: string, allowed: ReadonlySet<string>): boolean {
  return allowed.has(host) || /^(\d{1,3}\.){3}\d{1,3}$/.test(host) || /^\[[0-9a-f:.]+\]$/.test(host);
}

function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}

function originHost(origin: string): string {
  try {
    return new URL(origin).hostname.toLowerCase();
  } catch {
    return "";
  }
}

/** A bearer key, compared in constant time. */
export function requireKey(options: GuardOptions): MiddlewareHandler<AppEnvironment> {
  const expected = options.adminKey === null ? null : digest(options.adminKey);
  return async (context, next) => {
    if (expected !== null) {
      const shown = bearerOf(context.req.header("authorization"));
      if (shown === null || !timingSafeEqual(digest(shown), expected)) {
        throw new ParallaxError("unauthorized", shown === null ? "a bearer key is needed" : "the key is not valid", {
          hint: "the admin key is in <data-dir>/admin.key",
        });
      }
    }
    const project = context.req.header("x-parallax-project") ?? "default";
    if (project !== "default") throw new ParallaxError("not_found", `no project '${project.slice(0, 100)}'`);
    context.set("caller", { projectId: project });
    await next();
  };
}

export function bearerOf(header: string | undefined): string | null {
  const match = /^Bearer ([\x21-\x7e]{1,1000})$/i.exec(header ?? "");
  return match?.[1] ?? null;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
