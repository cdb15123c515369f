import { UsageError } from "./exit-codes.ts";
import type { Flags } from "./read-flags.ts";

export function onlyOperand(flags: Flags, what: string): string {
  const [operand, ...others] = flags.operands;
  if (operand === undefined || operand === "") throw new UsageError(`name ${what}`);
  if (others.length > 0)
    throw new UsageError(`one operand is expected, ${flags.operands.length} were given; quote what belongs together`);
  return operand;
}

export function noOperands(flags: Flags): void {
  if (flags.operands.length > 0)
    throw new UsageError(`no operand is expected, but ${JSON.stringify(flags.operands[0])} was given`);
}
