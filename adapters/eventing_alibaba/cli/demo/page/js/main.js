// Joins the stream with what shows it. Every part takes the state, none keeps one of its own.

import { Charts } from "./charts.js";
import { buildControls, showControls, startControls } from "./controls.js";
import { showEvents, startEvents } from "./events.js";
import { Feed } from "./feed.js";
import { showFigures } from "./figures.js";
import { Flow } from "./flow.js";
import { showLog, speak } from "./speech.js";

const feed = new Feed();
const flow = new Flow(document.getElementById("controls"), document.getElementById("flow"));
const charts = new Charts();
const link = document.getElementById("link");
const frames = document.getElementById("frames");

feed.addEventListener("snapshot", ({ detail }) => {
  buildControls(detail.about);
  if (!detail.again) {
    charts.clear();
    flow.clear();
  }
  showLog(detail.log, { fresh: true, quiet: true });
  showEvents(detail.events, { fresh: true });
  show();
});

feed.addEventListener("delta", ({ detail }) => {
  showLog(detail.log);
  showEvents(detail.events);
  flow.passed(detail.before, detail.state);
  show();
});

feed.addEventListener("link", ({ detail: live }) => {
  const was = link.dataset.state;
  link.dataset.state = live ? "live" : "lost";
  document.getElementById("link-text").textContent = live ? "live" : "connecting again";
  if (!live) speak("The connection to the demo is lost. Connecting again.");
  else if (was === "lost") speak("Connected again.");
});

function show() {
  showFigures(feed.state, feed.about);
  showControls(feed.state);
  flow.show(feed.state);
}

setInterval(() => charts.look(feed.state), 500);
setInterval(() => {
  const drawn = flow.framesPerSecond();
  document.body.dataset.frames = drawn;
  frames.textContent = drawn ? `Drawing ${drawn} frames a second.` : "";
}, 1000);

startControls(speak);
startEvents();
feed.start();
flow.start();
