// The numbers of the page, and the state of each part in a word. Only what differs is written.

import { count, milliseconds, rate } from "./format.js";

const SHOWN = { rateIn: rate, rateOut: rate, p50: milliseconds, p99: milliseconds };
const places = [...document.querySelectorAll("[data-figure]")];
const verdict = document.getElementById("verdict");
const now = document.getElementById("now");

export function showFigures(state, about) {
  for (const place of places) {
    const name = place.dataset.figure;
    write(place, (SHOWN[name] ?? count)(state[name]));
  }
  for (const row of document.querySelectorAll("#ledger [data-tone]")) {
    row.classList.toggle("some", Number(state[row.querySelector("dd").dataset.figure]) > 0);
  }
  showVerdict(state);
  showParts(state, about);
}

function showVerdict(state) {
  if (state.sent === undefined) {
    say(verdict, "Starting …", "plain");
    write(now, "A broker, a service and an adapter come up.");
    return;
  }
  const lost = state.lost > 0;
  say(verdict, lost ? `${count(state.lost)} lost.` : "Nothing lost.", lost ? "bad" : "good");
  const queue = state.waiting > Math.max(30, state.load * 2);
  write(now, queue ? `${count(state.waiting)} wait their turn.` : "Everything flows.");
}

function showParts(state, about) {
  const active = new Set(state.active ?? []);
  part("broker", active.has("broker-down") ? ["down", "bad"] : ["up", "good"]);
  part("shop", state.heldBack ? ["waits: the broker is full", "wait"] : ["sends", "good"]);
  part("adapter", adapterWord(state));
  const faults = (about.faults ?? []).filter((f) => f.place === "service" && active.has(f.name));
  const words = faults.map((fault) => fault.label.toLowerCase()).join(", ");
  part("service", words ? [words, "bad"] : ["healthy", "good"]);
}

function adapterWord(state) {
  if (state.adapter === "gone") return ["killed; a new one starts", "bad"];
  if (state.adapter === "running") return [state.message ? "cannot reach the broker" : "connects", "wait"];
  if (state.adapter !== "ready") return ["starting", "wait"];
  return state.breaker ? ["holds back, probes", "wait"] : ["ready", "good"];
}

function part(name, [word, tone]) {
  const chip = document.getElementById(`${name}-state`);
  say(chip, null, tone);
  write(chip.lastElementChild, word);
  chip.closest(".node").dataset.tone = tone;
}

function say(place, text, tone) {
  if (text !== null) write(place, text);
  if (place.dataset.tone !== tone) place.dataset.tone = tone;
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
