interface Told {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly stack?: string;
  readonly cause?: Told;
}

/**
 * How errors are written to the log: name, message, code and stack, and the same of the cause. Nothing else of the object: a failed
 * statement carries its parameters, and with them prompts, environments and output.
 */
export function describeError(error: unknown, depth = 0): Told {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error).slice(0, 2_000) };
  const { code, constraint_name: constraint } = error as { code?: unknown; constraint_name?: unknown };
  return {
    name: error.name,
    message: withoutParameters(error.message),
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(error.stack === undefined || depth > 0 ? {} : { stack: withoutParameters(error.stack) }),
    ...(error.cause === undefined || depth >= 3 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

function withoutParameters(text: string): string {
  return text.replace(/\nparams: [\s\S]*?(?=\n {4}at |$)/, "").slice(0, 8_000);
}
