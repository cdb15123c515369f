import type { z } from "zod";
import type {
  inboxSchema,
  listSessionsQuerySchema,
  Session,
  sendMessageSchema,
  sentMessageSchema,
  sessionResultSchema,
  sessionsPageSchema,
  treeSchema,
} from "../protocol/sessions.ts";
import type { StopAnswer, StopOptions } from "./runs.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { unwrap } from "./unwrap.ts";
import type { WaitOptions } from "./wait.ts";
import { waitUntil } from "./wait.ts";

export type SessionsPage = z.infer<typeof sessionsPageSchema>;
export type SessionsQuery = z.infer<typeof listSessionsQuerySchema>;
export type SessionResult = z.infer<typeof sessionResultSchema>;
export type SessionTree = z.infer<typeof treeSchema>;
export type Inbox = z.infer<typeof inboxSchema>;
export type SendMessage = z.infer<typeof sendMessageSchema>;
export type SentMessage = z.infer<typeof sentMessageSchema>;

export interface SessionsApi {
  list(query?: SessionsQuery, options?: CallOptions): Promise<SessionsPage>;
  get(sessionId: string, options?: CallOptions): Promise<Session>;
  /** `not_existent` for an unknown id, never an error. */
  status(sessionId: string, options?: CallOptions): Promise<string>;
  result(sessionId: string, options?: CallOptions): Promise<SessionResult>;
  /** The session's whole tree, parents before children, with runs and open wake-ups. */
  tree(sessionId: string, options?: CallOptions): Promise<SessionTree>;
  inbox(sessionId: string, options?: CallOptions): Promise<Inbox>;
  sendMessage(sessionId: string, message: SendMessage, options?: CallOptions): Promise<SentMessage>;
  /** Ends the live turn and keeps the session. */
  interrupt(sessionId: string, options?: CallOptions): Promise<void>;
  stop(sessionId: string, options?: StopOptions): Promise<StopAnswer>;
  /** Lets a held inbox deliver again. */
  release(sessionId: string, options?: CallOptions): Promise<void>;
  delete(sessionId: string, options?: CallOptions): Promise<void>;
  /** Resolves when its newest run has ended and nothing is awaited: no child, no request, no message. */
  waitUntilSettled(sessionId: string, options?: WaitOptions): Promise<Session>;
}

export function createSessionsApi(transport: Transport): SessionsApi {
  const path = (sessionId: string, rest = "") => `/sessions/${encodeURIComponent(sessionId)}${rest}`;
  const post = (sessionId: string, rest: string, body: unknown, options: CallOptions = {}) =>
    transport.json<unknown>("POST", path(sessionId, rest), { ...options, body });
  const get: SessionsApi["get"] = async (sessionId, options = {}) =>
    unwrap<Session>(await transport.json("GET", path(sessionId), options), "session");
  return {
    get,
    list: (query = {}, options = {}) => transport.json("GET", "/sessions", { ...options, query }),
    status: async (sessionId, options = {}) =>
      (await transport.json<{ status: string }>("GET", path(sessionId, "/status"), options)).status,
    result: (sessionId, options = {}) => transport.json("GET", path(sessionId, "/result"), options),
    tree: (sessionId, options = {}) => transport.json("GET", path(sessionId, "/tree"), options),
    inbox: (sessionId, options = {}) => transport.json("GET", path(sessionId, "/inbox"), options),
    sendMessage: async (sessionId, message, options) =>
      (await post(sessionId, "/messages", message, options)) as SentMessage,
    interrupt: async (sessionId, options) => void (await post(sessionId, "/interrupt", {}, options)),
    stop: async (sessionId, { cascade, reason, signal } = {}) =>
      (await post(sessionId, "/stop", { cascade, reason }, { signal })) as StopAnswer,
    release: async (sessionId, options) => void (await post(sessionId, "/release", {}, options)),
    delete: async (sessionId, options = {}) => void (await transport.json("DELETE", path(sessionId), options)),
    waitUntilSettled: (sessionId, options) =>
      waitUntil(
        (signal) => get(sessionId, { signal }),
        (session) => session.settled,
        (session) => `session ${sessionId} is still ${session?.status ?? "unknown"}`,
        options,
      ),
  };
}
