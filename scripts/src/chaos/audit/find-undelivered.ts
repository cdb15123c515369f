import { isTerminalRun } from "@parallax/shared/run-state";
import type { Finding } from "./finding.ts";
import type { Facts, ItemFacts } from "./load-facts.ts";

/**
 * I7: every settled child that was started with a callback has exactly one item at its parent, and every item was consumed once or is
 * visible. The agents write what they were told into their results, so this holds what the rows say against what was heard.
 */
export function findUndelivered(facts: Facts): Finding[] {
  return [...unpaid(facts), ...heardWrongly(facts), ...stuckItems(facts)];
}

function unpaid(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  const settled = new Set(facts.sessions.filter((session) => session.settled).map(({ id }) => id));
  for (const run of facts.runs) {
    if (run.executionMode !== "async_callback" || run.parentSessionId === null || run.type !== "start_session")
      continue;
    const duties = facts.duties.filter(({ originRunId }) => originRunId === run.id);
    if (duties.length !== 1)
      findings.push(undelivered(`${duties.length} duties for ${run.id}, which ${run.parentSessionId} started`));
  }
  for (const duty of facts.duties) {
    const items = facts.items.filter(({ dutyId }) => dutyId === duty.id);
    if (duty.state === "paid" && items.length !== 1)
      findings.push(undelivered(`the paid duty for ${duty.childSessionId} has ${items.length} items`));
    if (duty.state === "owed" && settled.has(duty.childSessionId))
      findings.push(undelivered(`${duty.childSessionId} is settled and ${duty.parentSessionId} was never told`));
  }
  return findings;
}

const undelivered = (text: string): Finding => ({ kind: "undelivered", text });

/** How often a receiver's completed turns heard of one sender, against how many of its items they consumed. */
function heardWrongly(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  const groups = Map.groupBy(facts.items, (item) => `${item.sessionId} ${wordOf(item)}`);
  for (const items of groups.values()) {
    const [first] = items;
    if (first === undefined) continue;
    const word = wordOf(first);
    const completed = facts.runs.filter((run) => run.sessionId === first.sessionId && run.state === "completed");
    const texts = completed.map((run) => run.resultText ?? "").filter((text) => / heard: |^echo: /.test(text));
    const heard = texts.reduce((sum, text) => sum + countOf(text, word), 0);
    const completedIds = new Set(completed.map((run) => run.id));
    const consumed = items.filter(
      (item) => item.state === "consumed" && item.runId !== null && completedIds.has(item.runId),
    );
    if (heard > consumed.length)
      findings.push({
        kind: "doubled",
        text: `${first.sessionId} heard ${heard} times of ${word}, ${consumed.length} items`,
      });
    if (heard < consumed.length)
      findings.push(
        undelivered(`${first.sessionId} heard ${heard} times of ${word}, ${consumed.length} items were consumed`),
      );
  }
  return findings;
}

/** What stands in a message because of this item and nothing else. */
function wordOf(item: ItemFacts): string {
  return item.message ?? item.childSessionId ?? item.id;
}

function countOf(text: string, word: string): number {
  if (!word.startsWith("ses_")) return text.split(word).length - 1;
  return text.split(`<agent-callback session="${word}"`).length + text.split(`### Child: ${word} `).length - 2;
}

/** An item that nobody will deliver any more although nothing holds it back. */
function stuckItems(facts: Facts): Finding[] {
  const terminal = new Set(facts.runs.filter((run) => isTerminalRun(run.state)).map(({ id }) => id));
  const held = new Set(facts.sessions.filter((session) => session.held).map(({ id }) => id));
  return facts.items
    .filter((item) => {
      if (item.state === "assigned" || item.state === "taken") return item.runId !== null && terminal.has(item.runId);
      return item.state === "new" && !held.has(item.sessionId) && (item.dueInMs ?? 0) <= 0;
    })
    .map((item) =>
      undelivered(`item ${item.id} (${item.kind}) of ${item.sessionId} is ${item.state} and nobody works on it`),
    );
}
