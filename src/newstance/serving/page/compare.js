// Two answers side by side: the same decisions next to each other, shared targets on one scale.

import { axis, balance, capital, labelsOf, marker, titleOf } from "./decisions.js";
import { element, percent } from "./dom.js";

const LETTERS = ["A", "B"];

/** Draw the comparison of two answers; `ask` is called with the targets that both articles should be asked about. */
export function comparison(answers, schemes, ask) {
  if (answers.some((answer) => answer.abstain && noLabels(answer))) {
    return [element("p", {}, "One of the articles was not labelled, so there is nothing to compare yet.")];
  }
  const rows = Object.keys(answers[0].labels)
    .filter((name) => name in answers[1].labels)
    .map((name) => labelRow(titleOf(schemes, name), answers.map((answer) => answer.labels[name])));
  const shared = answers[0].targets
    .map((one) => [one, answers[1].targets.find((other) => same(one, other))])
    .filter(([, other]) => other);
  for (const pair of shared) rows.push(...targetRows(pair, schemes));
  return [element("div", { class: "rows" }, ...rows), ...unshared(answers, ask)];
}

const noLabels = (answer) => Object.keys(answer.labels).length === 0;
const same = (one, other) => one.target.toLowerCase() === other.target.toLowerCase();

function labelRow(title, decisions) {
  const cells = decisions.map((decision, index) =>
    element("p", {}, letter(index), `${capital(decision.name)}, ${percent(decision.probability)}`),
  );
  return row(title, verdict(decisions), ...cells);
}

function targetRows(pair, schemes) {
  const names = Object.keys(pair[0].labels).filter((name) => name in pair[1].labels);
  return names.map((name) => {
    const decisions = pair.map((target) => target.labels[name]);
    const labels = labelsOf(schemes, name, decisions[0]);
    const markers = decisions.map((decision, index) => marker(balance(labels, decision), LETTERS[index]));
    const ends = element("p", { class: "ends", "aria-hidden": "true" }, element("span", {}, labels[0].name), element("span", {}, labels.at(-1).name));
    const cells = decisions.map((decision, index) =>
      element("p", {}, letter(index), `${capital(decision.name)}, ${percent(decision.probability)}`, pair[index].mentioned ? "" : " (not named in it)"),
    );
    const line = element("div", { class: "scale" }, axis(...markers), ends);
    return row(`${titleOf(schemes, name)} toward ${pair[0].target}`, verdict(decisions), ...cells, line);
  });
}

const letter = (index) => element("span", { class: "letter" }, LETTERS[index]);

const verdict = ([one, other]) => (one.label === other.label ? "Same" : "Different");

function row(title, said, ...cells) {
  const heading = element("h3", {}, title, element("span", { class: `verdict ${said.toLowerCase()}` }, said));
  return element("section", { class: "row-of-two" }, heading, ...cells);
}

function unshared(answers, ask) {
  const [first, second] = answers.map((answer) => answer.targets);
  const only = [
    first.filter((one) => !second.some((other) => same(one, other))),
    second.filter((one) => !first.some((other) => same(one, other))),
  ].map((targets) => targets.map((target) => target.target));
  if (only.flat().length === 0) return [];
  const words = only.map((names, index) => (names.length > 0 ? `only in ${LETTERS[index]}: ${names.join(", ")}` : ""));
  const button = element("button", { type: "button" }, "Ask both about all of them");
  button.addEventListener("click", () => ask([...first.map((target) => target.target), ...only[1]]));
  return [element("p", { class: "unshared" }, `Targets ${words.filter(Boolean).join("; ")}. `, button)];
}
