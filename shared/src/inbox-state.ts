/**
 * The life of an inbox item: a durable reason to wake a session.
 * new → assigned (to a run) → taken (by an attempt's agent) → consumed, or back to new.
 */
export const INBOX_STATES = ["new", "assigned", "taken", "consumed", "set_aside"] as const;
export type InboxState = (typeof INBOX_STATES)[number];

/**
 * assign     one resume run took it into its message
 * take       the supervisor says that the agent got the message
 * consume    a checkpoint or completion that contains it committed
 * give_back  the run or attempt ended before that; it goes to another run or to attempt k+1
 * set_aside  it came back too often; visible, no longer delivered by itself
 * release    a person puts it back into the line
 */
export const INBOX_EVENTS = ["assign", "take", "consume", "give_back", "set_aside", "release"] as const;
export type InboxEvent = (typeof INBOX_EVENTS)[number];

export type InboxAnswer = InboxState | "ignored";

export const INBOX_TRANSITIONS: Readonly<Record<InboxState, Readonly<Record<InboxEvent, InboxAnswer>>>> = {
  // consume from new: handed out by a waiting call, or born of the same stop as its receiver's end
  new: {
    assign: "assigned",
    take: "ignored",
    consume: "consumed",
    give_back: "ignored",
    set_aside: "set_aside",
    release: "ignored",
  },
  assigned: {
    assign: "ignored",
    take: "taken",
    consume: "consumed",
    give_back: "new",
    set_aside: "set_aside",
    release: "ignored",
  },
  // taken → assigned: a lost attempt's item stays with its run and is repeated to attempt k+1
  taken: {
    assign: "assigned",
    take: "ignored",
    consume: "consumed",
    give_back: "new",
    set_aside: "set_aside",
    release: "ignored",
  },
  consumed: {
    assign: "ignored",
    take: "ignored",
    consume: "ignored",
    give_back: "ignored",
    set_aside: "ignored",
    release: "ignored",
  },
  set_aside: {
    assign: "ignored",
    take: "ignored",
    consume: "consumed",
    give_back: "ignored",
    set_aside: "ignored",
    release: "new",
  },
};

export function answerInboxEvent(state: InboxState, event: InboxEvent): InboxAnswer {
  return INBOX_TRANSITIONS[state][event];
}
