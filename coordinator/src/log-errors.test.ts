import { describe, expect, it } from "vitest";
import { describeError } from "./log-errors.ts";

describe("an error in the log", () => {
  it("of a failed statement has the statement and the cause's code, but none of its parameters", () => {
    const cause = Object.assign(new Error("disk full"), { code: "53100" });
    // as the query builder makes it: parameters in the message, in the stack and as a property
    const message = "Failed query: insert into runs values ($1)\nparams: the prompt\nover lines";
    const told = describeError(Object.assign(new Error(message, { cause }), { params: ["the prompt"] }));
    expect(JSON.stringify(told)).not.toContain("the prompt");
    expect(JSON.stringify(told)).not.toContain("over lines");
    expect(told).toMatchObject({
      message: "Failed query: insert into runs values ($1)",
      cause: { code: "53100", message: "disk full" },
    });
  });

  it("carries nothing that hangs on the object", () => {
    const error = Object.assign(new Error("x"), { client: { password: "secret" } });
    expect(JSON.stringify(describeError(error))).not.toContain("secret");
  });
});
