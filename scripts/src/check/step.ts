/** One thing that must hold. `note` is a short fact for the step's line; `output` is shown when it does not hold. */
export interface StepOutcome {
  readonly ok: boolean;
  readonly output: string;
  readonly note?: string;
}

export interface Step {
  readonly name: string;
  readonly run: () => Promise<StepOutcome>;
}

export interface FinishedStep extends StepOutcome {
  readonly name: string;
  readonly durationMs: number;
}

/**
 * Runs the steps, at most `parallel` at a time and in the order given; `report` hears of each end.
 * A step that throws has failed: its error is its output.
 */
export async function runSteps(
  steps: readonly Step[],
  parallel: number,
  report: (step: FinishedStep) => void,
): Promise<FinishedStep[]> {
  const waiting = [...steps];
  const finished: FinishedStep[] = [];
  const work = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const startedAt = performance.now();
      const outcome = await step.run().catch((error: unknown) => ({ ok: false, output: describeError(error) }));
      const done = { ...outcome, name: step.name, durationMs: performance.now() - startedAt };
      finished.push(done);
      report(done);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return finished;
}

const OUTPUT_LINES_MAX = 300;

/** One line a step, and what a failing step said. */
export function formatStep(step: FinishedStep): string {
  const note = step.note === undefined ? "" : `  ${step.note}`;
  const line = `${step.ok ? "ok  " : "FAIL"} ${step.name.padEnd(12)} ${(step.durationMs / 1000).toFixed(1)} s${note}`;
  if (step.ok) return line;
  const said = step.output.trimEnd().split("\n");
  const cut = said.length > OUTPUT_LINES_MAX ? [`… ${said.length - OUTPUT_LINES_MAX} more lines`] : [];
  return [line, ...[...said.slice(0, OUTPUT_LINES_MAX), ...cut].map((text) => `     ${text}`)].join("\n");
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
