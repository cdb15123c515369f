import { createClient } from "@parallax/shared/sdk/client";
import type { Answer } from "@parallax/shared/sdk/testing/serve-script";
import { hangUp, json, serveScript } from "@parallax/shared/sdk/testing/serve-script";
import { expect, test } from "vitest";
import { tellWaiting } from "./tell-waiting.ts";
import { captureIo } from "./testing/captured-io.ts";

const explained = (status: string, cause: string, sentence = `${cause}.`): Answer =>
  json({ run_id: "run_1", status, cause, sentence, facts: {} });

/** What was told until the last answer was given. */
async function told(...answers: readonly [Answer, ...Answer[]]): Promise<string[]> {
  const over = new AbortController();
  const last: Answer = (asked, response) => {
    over.abort();
    hangUp(asked, response);
  };
  await using server = await serveScript(...answers, last);
  const io = captureIo();
  await tellWaiting(io, createClient({ baseUrl: server.url, repeatsMax: 0 }), "run_1", over.signal, 1);
  expect(io.stdout()).toBe("");
  return io.stderr().split("\n").filter(Boolean);
}

test("says a cause once, also when its sentence changes, and another cause again", async () => {
  const queued = (ahead: number) => explained("pending", "queued", `${ahead} go before it.`);
  expect(await told(explained("pending", "executor_missing"), queued(2), queued(1))).toEqual([
    "waiting: executor_missing.",
    "waiting: 2 go before it.",
  ]);
});

test("is silent about a run that does not wait, and says it again when it waits again", async () => {
  expect(
    await told(
      explained("running", "running"),
      explained("pending", "a"),
      explained("claimed", "offered"),
      explained("pending", "a"),
    ),
  ).toEqual(["waiting: a.", "waiting: a."]);
});

test("goes on when the coordinator is away for a moment", async () => {
  expect(await told(hangUp, explained("pending", "a"))).toEqual(["waiting: a."]);
});

test("lets no sentence write to the terminal's controls", async () => {
  expect((await told(explained("pending", "a", "x\u001b[2Jy"))).join()).not.toContain("\u001b");
});
