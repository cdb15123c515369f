import type { Command } from "../command.ts";
import { DATA_DIR_OPTION, DEFAULT_HOST, DEFAULT_PORT } from "../connect.ts";
import { UsageError } from "../exit-codes.ts";
import { noOperands } from "../only-operand.ts";
import type { Flags } from "../read-flags.ts";

export const upCommand: Command = {
  name: "up",
  summary: "start a coordinator and a runner on this machine",
  operands: "",
  options: [
    { name: "port", value: "N", help: `port, default ${DEFAULT_PORT}; 0 takes a free one` },
    { name: "host", value: "HOST", help: `address to listen on, default ${DEFAULT_HOST}` },
    DATA_DIR_OPTION,
    { name: "no-runner", help: "the coordinator alone" },
    { name: "slots", value: "N", help: "runs that the runner takes at the same time" },
    {
      name: "with",
      value: "NAMES",
      help: "install these agent CLIs into the data directory when they are missing, e.g. claude-code",
    },
    { name: "verbose", short: "v", help: "show every log line, not only warnings" },
    { name: "demo", help: "show the fleet at work in a directory of its own, without a key, then clean up" },
  ],
  notes: [
    "DATABASE_URL and REDIS_URL switch to your own servers. Several instances run side by side with different ports and data directories.",
    "The first Ctrl-C drains: running runs may finish. The second stops them, the third leaves at once.",
  ],
  async run(io, flags) {
    noOperands(flags);
    if (flags.isOn("demo")) {
      refuseBesideDemo(flags);
      const { runDemo } = await import("../demo/run-demo.ts");
      return runDemo(io, { verbose: flags.isOn("verbose") });
    }
    const { runUp } = await import("../up/run-up.ts");
    return runUp(io, flags);
  },
};

function refuseBesideDemo(flags: Flags): void {
  for (const name of ["port", "host", "data-dir", "no-runner", "slots", "with"]) {
    if (flags.isGiven(name))
      throw new UsageError(`--demo brings its own port, directory and runners: leave out --${name}`);
  }
}
