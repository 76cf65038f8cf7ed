// Starts the page: the schemes from the server, one pane or two, the theme.

import { forgetKey, Problem, request, showForget } from "./api.js";
import { comparison } from "./compare.js";
import { capital, titleOf } from "./decisions.js";
import { element, icon, ICONS } from "./dom.js";
import { Pane } from "./pane.js";
import { themeToggle } from "./toggle.js";

const find = (id) => document.getElementById(id);
let models = null;

/** The label schemes by name; asked for again when another bundle than the known one has answered. */
async function schemes(version) {
  if (models === null || (version && models.version !== version)) {
    models = await request("v1/models");
    showModels();
  }
  return models.schemes;
}

const examplesOf = (label) =>
  label.examples?.length ? [element("span", { class: "example" }, ` For example: ${label.examples.join("; ")}.`)] : [];

function showModels() {
  const known = Object.entries(models.schemes);
  const tagline = `${new Intl.ListFormat("en").format(known.map(([name]) => titleOf(models.schemes, name)))} of a news article`;
  find("tagline").textContent = tagline;
  document.title = `newstance: ${tagline}`;
  document.body.classList.toggle("no-targets", !known.some(([, scheme]) => scheme.has_targets));
  const tasks = Object.entries(models.tasks).map(([task, info]) => `${models.schemes[task]?.title ?? task}: ${info.title}.`);
  find("version").textContent = [`Bundle ${models.version}.`, ...tasks].join(" ");
  const lists = Object.values(models.schemes).map((scheme) => {
    const rows = scheme.labels.flatMap((label) => [
      element("dt", {}, capital(label.name), ...(label.medtop ? [element("span", { class: "medtop" }, ` IPTC ${label.medtop}`)] : [])),
      element("dd", {}, label.definition ?? "", ...examplesOf(label)),
    ]);
    return element("section", {}, element("h2", {}, scheme.title ?? scheme.name), element("dl", {}, ...rows));
  });
  find("definitions").replaceChildren(...lists);
  find("labels").hidden = false;
}

async function start() {
  const failure = find("failure");
  failure.hidden = true;
  try {
    await schemes();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const again = element("button", { type: "button" }, "Try again");
    again.addEventListener("click", start);
    failure.replaceChildren(icon(ICONS.warning), element("p", {}, error.message), again);
    failure.hidden = false;
  }
}

const panes = ["a", "b"].map((letter) => new Pane(letter, schemes, compare));

function compare() {
  const answers = panes.map((pane) => pane.answer);
  const ready = panes[1].root.isConnected && answers.every((answer) => answer !== null);
  find("comparison").hidden = !ready;
  if (ready) find("comparison-body").replaceChildren(...comparison(answers, models.schemes, askBoth));
}

function askBoth(targets) {
  for (const pane of panes) {
    pane.targets.set(targets);
    pane.analyse({ moveFocus: false });
  }
}

function showTwo(two) {
  find("compare").setAttribute("aria-pressed", String(two));
  document.body.classList.toggle("two", two);
  if (two) find("panes").append(panes[1].root);
  else panes[1].root.remove();
  panes[0].rename(two ? "Article A" : "Article");
  panes[1].rename("Article B");
  compare();
}

find("panes").append(panes[0].root);
find("compare").addEventListener("click", () => {
  const two = !panes[1].root.isConnected;
  showTwo(two);
  if (two) panes[1].parts.title.focus();
});
showTwo(false);

// A file that misses the form must not replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

themeToggle(find("theme"));

find("forget").addEventListener("click", forgetKey);
showForget();
start();
