import { serve } from "@hono/node-server";
import { createDispatcher } from "../dispatch/dispatcher.ts";
import { createApp } from "../http/create-app.ts";
import type { TestDeps } from "./make-test-deps.ts";

const TEST_KEY = "plx_test-key";

export interface ServedApp {
  readonly url: string;
  /** JSON in, status and JSON out; with the admin key unless told otherwise. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: unknown; headers: Headers }>;
  close(): Promise<void>;
}

/** The real app behind a real socket. */
export async function serveApp(deps: TestDeps): Promise<ServedApp> {
  const dispatcher = createDispatcher(deps);
  const app = createApp(deps, dispatcher, { adminKey: TEST_KEY, allowedHosts: ["localhost"], version: "test" });
  const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>((resolve) => {
    const started = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, (info) =>
      resolve({ server: started, port: info.port }),
    );
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    call: async (method, path, body, headers = {}) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${TEST_KEY}`, "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : parse(text), headers: response.headers };
    },
    close: async () => {
      dispatcher.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      });
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
