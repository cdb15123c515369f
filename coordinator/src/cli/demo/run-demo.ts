/** `parallax up --demo`: a small fleet at work, with a runner killed in the middle. Bounded; cleans up whatever happens. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ParallaxError } from "@parallax/shared/errors";
import type { TreeNode } from "@parallax/shared/protocol/sessions";
import type { Client } from "@parallax/shared/sdk/client";
import { EXIT_CODES } from "../exit-codes.ts";
import { formatTree } from "../terminal/format-tree.ts";
import type { Io } from "../terminal/io.ts";
import { stripControls } from "../terminal/strip-controls.ts";
import { formatLogLine } from "../up/format-log-line.ts";
import type { Stage } from "./create-stage.ts";
import { createStage } from "./create-stage.ts";
import { BLUEPRINTS, LEAD, LEAD_SESSION, leadPrompt, REVIEWER_COUNT } from "./demo-agents.ts";
import type { Story } from "./story.ts";
import { beginStory } from "./story.ts";
import { tellChange } from "./tell-change.ts";
import { tellFailure } from "./tell-failure.ts";
import { watchTree } from "./watch-tree.ts";

const DEMO_MS_MAX = 120_000;
const BEFORE_KILL_MS = 400;
const BEFORE_RETURN_MS = 400;
const RUNNERS = ["north", "south"] as const;

export async function runDemo(io: Io, { verbose }: { readonly verbose: boolean }): Promise<number> {
  const limit = AbortSignal.timeout(DEMO_MS_MAX);
  // Ctrl-C, once or often, means one thing here: clean up and leave
  const interrupt = new AbortController();
  io.onSignal(() => interrupt.abort());
  const signal = AbortSignal.any([interrupt.signal, limit]);
  const story = beginStory(io);
  io.out(io.paint("bold", "An orchestrator, three reviewers, two runners - and one of them is killed in the middle."));
  io.out("");
  story.tell("○", "dim", "starting a coordinator with a database of its own");
  const stage = createStage(io.env, (name, line) => {
    if (verbose) io.err(formatLogLine(io, name, line));
  });
  try {
    await Promise.race([play(io, stage, story, signal), rejectWith(signal)]);
    return EXIT_CODES.ok;
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT_CODES.interrupted;
    await tellFailure(io, stage);
    if (!limit.aborted) throw error;
    throw new ParallaxError("timeout", `the demonstration did not end within ${DEMO_MS_MAX / 1_000} s`, {
      cause: error,
    });
  } finally {
    await stage.close();
  }
}

function rejectWith(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return promise;
}

async function play(io: Io, stage: Stage, story: Story, signal: AbortSignal): Promise<void> {
  const { client, url } = await stage.startCoordinator();
  story.tell("●", "green", `coordinator ready at ${url}`);
  const names = new Map<string, string>();
  await Promise.all(
    RUNNERS.map(async (name) => {
      const runner = await stage.startRunner(name);
      names.set(runner.runner_id, name);
      story.tell("●", "green", `runner ${name} is online`, `${runner.slots} slots`);
    }),
  );
  for (const blueprint of BLUEPRINTS) await client.agents.create(blueprint, { signal });

  const ledger = join(stage.dir, "ledger");
  await client.runs.create(
    { type: "start_session", session_id: LEAD_SESSION, agent_name: LEAD, prompt: leadPrompt(ledger), join: "all" },
    { signal },
  );
  const over = new AbortController();
  const watch = watchTree(client, LEAD_SESSION, tellChange(story, names), AbortSignal.any([signal, over.signal]));
  try {
    await killAndReturn(stage, story, names, await watch.until(areReviewersRunning), signal);
    const sessions = await watch.until((tree) => tree.find((one) => one.session_id === LEAD_SESSION)?.settled === true);
    over.abort();
    await tellEnd(io, client, story, sessions, names, ledger);
  } finally {
    over.abort();
    await watch.done.catch(() => {});
  }
}

const reviewersOf = (sessions: readonly TreeNode[]) =>
  sessions.filter((session) => session.session_id !== LEAD_SESSION);

function areReviewersRunning(sessions: readonly TreeNode[]): boolean {
  const running = reviewersOf(sessions).filter((session) => session.runs.some((run) => run.status === "running"));
  return running.length === REVIEWER_COUNT;
}

async function killAndReturn(
  stage: Stage,
  story: Story,
  names: ReadonlyMap<string, string>,
  sessions: readonly TreeNode[],
  signal: AbortSignal,
): Promise<void> {
  const busiest = busiestRunner(sessions);
  const name = names.get(busiest.runnerId) ?? "";
  await sleep(BEFORE_KILL_MS, undefined, { signal });
  const pid = await stage.killRunner(name);
  const agents = busiest.runs === 1 ? "its agent goes" : `its ${busiest.runs} agents go`;
  story.tell("✘", "red", `kill -9 runner ${name}`, `pid ${pid}; ${agents} on under supervisors of their own`);
  await sleep(BEFORE_RETURN_MS, undefined, { signal });
  await stage.startRunner(name);
  story.tell("●", "green", `runner ${name} is back`, `same identity, takes over what it left`);
}

function busiestRunner(sessions: readonly TreeNode[]): { runnerId: string; runs: number } {
  const counts = new Map<string, number>();
  for (const session of reviewersOf(sessions)) {
    const runnerId = session.runs.at(-1)?.runner_id;
    if (runnerId != null) counts.set(runnerId, (counts.get(runnerId) ?? 0) + 1);
  }
  const [busiest] = [...counts].sort(([, one], [, other]) => other - one);
  if (busiest === undefined) throw new ParallaxError("internal", "no runner has a reviewer");
  return { runnerId: busiest[0], runs: busiest[1] };
}

async function tellEnd(
  io: Io,
  client: Client,
  story: Story,
  sessions: readonly TreeNode[],
  names: ReadonlyMap<string, string>,
  ledger: string,
): Promise<void> {
  const lines = (await readFile(ledger, "utf8")).trim().split("\n");
  if (lines.length !== REVIEWER_COUNT || new Set(lines).size !== REVIEWER_COUNT) {
    throw new ParallaxError("internal", `the reviewers' ledger is wrong: ${lines.join(", ")}`);
  }
  const result = await client.sessions.result(LEAD_SESSION);
  story.tell("✔", "green", "settled", "every reviewer did its work once: nothing was lost, nothing was done twice");
  io.out("");
  for (const line of formatTree(io, sessions, { runner: (id) => names.get(id) ?? id })) io.out(`  ${line}`);
  io.out("");
  io.out(`  ${io.paint("bold", LEAD)}  ${stripControls(result.result_text ?? "(no result)")}`);
  io.out("");
}
