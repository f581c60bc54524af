// The latest events, and all about one of them. The list rests while somebody points at it or has
// the focus in it: nothing moves away under a finger.

import { count, milliseconds } from "./format.js";

const ROWS = 9;
const EVERY = 400;
const KINDS = { new: "", again: "came twice", aside: "set aside" };

const list = document.getElementById("events");
const note = document.getElementById("events-note");
const dialog = document.getElementById("event");
const attributes = document.getElementById("event-attributes");
const data = document.getElementById("event-data");

let latest = [];
let changed = false;

export function startEvents() {
  setInterval(() => {
    const rests = list.matches(":hover") || list.contains(document.activeElement) || dialog.open;
    note.textContent = rests ? "resting while you look" : "choose one to see all of it";
    if (changed && !rests) {
      changed = false;
      list.replaceChildren(...latest.map(row));
    }
  }, EVERY);
  dialog.addEventListener("click", (press) => {
    if (press.target === dialog) dialog.close();
  });
}

export function showEvents(events, { fresh = false } = {}) {
  if (fresh) latest = [];
  if (!events.length && !fresh) return;
  latest = [...[...events].reverse(), ...latest].slice(0, ROWS);
  changed = true;
}

function row(event) {
  const item = document.createElement("li");
  const made = document.createElement("button");
  made.type = "button";
  made.dataset.kind = event.kind;
  const took = event.ms === null ? KINDS[event.kind] : milliseconds(event.ms);
  made.append(
    cell("number", `#${event.message}`),
    cell("preview", event.preview),
    cell("subject", event.subject),
    cell("took", took),
  );
  made.addEventListener("click", () => open(event));
  item.append(made);
  return item;
}

function cell(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}

async function open(event) {
  document.getElementById("event-title").textContent = `Event of message ${event.message}`;
  attributes.replaceChildren();
  data.textContent = "";
  const about = document.getElementById("event-about");
  about.textContent = "…";
  dialog.showModal();
  try {
    const answer = await fetch(`/event/${event.key}`);
    const all = await answer.json();
    if (!answer.ok) throw new Error(all.error);
    about.textContent = told(all);
    for (const [name, value] of Object.entries(all.attributes)) {
      const pair = document.createElement("div");
      const term = document.createElement("dt");
      const meaning = document.createElement("dd");
      term.textContent = name;
      meaning.textContent = value;
      pair.append(term, meaning);
      attributes.append(pair);
    }
    data.textContent = pretty(all);
  } catch (error) {
    about.textContent = error.message;
  }
}

function told(all) {
  const how = {
    new: `Accepted ${milliseconds(all.ms)} after it was sent.`,
    again: "It came a second time: the adapter could not know that the first had arrived.",
    aside: "The service refused it for good; it waits in the dead-letter box.",
  };
  return `${how[all.kind]} ${count(all.bytes)} bytes, ${all.mode} mode.`;
}

function pretty(all) {
  if (all.cut) return `${all.data}\n… (${count(all.bytes)} bytes in all)`;
  try {
    return JSON.stringify(JSON.parse(all.data), null, 2);
  } catch {
    return all.data;
  }
}
