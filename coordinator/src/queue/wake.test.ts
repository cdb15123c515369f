import { expect, test } from "vitest";
import { createWake } from "./wake.ts";

test("a waiter is woken by its own topic and id only", async () => {
  const wake = createWake();
  const waiting = wake.waitFor("lane", "lane_a", { timeoutMs: 60_000 });
  wake.publish("lane", "lane_b");
  wake.publish("session", "lane_a");
  let woken = false;
  void waiting.then(() => {
    woken = true;
  });
  await Promise.resolve();
  expect(woken).toBe(false);
  wake.publish("lane", "lane_a");
  expect(await waiting).toBe(true);
});

test("one wake-up wakes every waiter of the id", async () => {
  const wake = createWake();
  const waiting = Array.from({ length: 100 }, () => wake.waitFor("lane", "lane_a", { timeoutMs: 60_000 }));
  wake.publish("lane", "lane_a");
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 100 }, () => true));
});

test("a wait hears what is published right after the call, before it is awaited", async () => {
  const wake = createWake();
  const waiting = wake.waitFor("events", "run_1", { timeoutMs: 60_000 });
  wake.publish("events", "run_1");
  await new Promise((resolve) => setImmediate(resolve));
  expect(await waiting).toBe(true);
});

test("a wait ends with false at its timeout, at an abort and after one", async () => {
  const wake = createWake();
  expect(await wake.waitFor("lane", "lane_a", { timeoutMs: 1 })).toBe(false);
  const controller = new AbortController();
  const waiting = wake.waitFor("lane", "lane_a", { timeoutMs: 60_000, signal: controller.signal });
  controller.abort();
  expect(await waiting).toBe(false);
  expect(await wake.waitFor("lane", "lane_a", { timeoutMs: 60_000, signal: controller.signal })).toBe(false);
});

test("a waiter that has ended does not disturb those that come after it", async () => {
  const wake = createWake();
  await wake.waitFor("lane", "lane_a", { timeoutMs: 1 });
  const waiting = wake.waitFor("lane", "lane_a", { timeoutMs: 60_000 });
  wake.publish("lane", "lane_a");
  expect(await waiting).toBe(true);
});

test("a woken waiter that waits again at once is not woken twice by one wake-up", async () => {
  const wake = createWake();
  const again = wake
    .waitFor("lane", "lane_a", { timeoutMs: 60_000 })
    .then(() => wake.waitFor("lane", "lane_a", { timeoutMs: 20 }));
  wake.publish("lane", "lane_a");
  expect(await again).toBe(false);
});

test("subscribers hear every id of their topic until they leave", () => {
  const wake = createWake();
  const heard: string[] = [];
  const leave = wake.subscribe("session", (id) => heard.push(id));
  const stay = wake.subscribe("session", (id) => heard.push(`also ${id}`));
  wake.publish("session", "ses_1");
  leave();
  wake.publish("session", "ses_2");
  wake.publish("lane", "lane_a");
  stay();
  wake.publish("session", "ses_3");
  expect(heard).toEqual(["ses_1", "also ses_1", "also ses_2"]);
});

test("a listener that throws keeps nobody else from hearing", () => {
  const errors: unknown[] = [];
  const wake = createWake((error) => errors.push(error));
  const heard: string[] = [];
  wake.subscribe("session", () => {
    throw new Error("mine");
  });
  wake.subscribe("session", (id) => heard.push(id));
  wake.publish("session", "ses_1");
  expect(heard).toEqual(["ses_1"]);
  expect(errors).toHaveLength(1);
});
