// Parts of the labelling page that only show: codebook, agreement, what others chose, what the champion says.

import { capital } from "../decisions.js";
import { element, percent } from "../dom.js";

/** Every label with its key, definition and examples. */
export function fillCodebook(place, task, labels) {
  const rows = labels.flatMap((label) => [
    element("dt", {}, `${capital(label.name)}${label.key ? ` (${label.key.toUpperCase()})` : ""}`),
    element("dd", {}, label.definition, ...(label.examples ?? []).map((one) => element("p", { class: "example" }, `“${one}”`))),
  ]);
  place.replaceChildren(element("section", {}, element("h2", {}, task.title), element("dl", {}, ...rows)));
}

/** How far the annotator agrees with others on what both labelled. */
export function showAgreement(place, agreement) {
  place.textContent = agreement
    .map(({ annotator, units, share, kappa }) => {
      const beyond = kappa === null ? "" : `, kappa ${kappa.toFixed(2)}`;
      return `Agreement with ${annotator}: ${percent(share)} of ${units}${beyond}`;
    })
    .join(" · ");
}

/** What the annotators chose, side by side, and whether they agree. */
export function showOpinions(section, list, opinions, nameOf) {
  section.hidden = opinions.length === 0;
  const cards = opinions.map(({ annotator, label, second }) =>
    element(
      "div",
      { class: "opinion" },
      element("span", { class: "kicker" }, annotator),
      element("p", { class: "verdict" }, nameOf(label)),
      ...(second ? [element("p", {}, `second: ${nameOf(second)}`)] : []),
    ),
  );
  const same = new Set(opinions.map(({ label, second }) => `${label} ${second}`)).size === 1;
  list.replaceChildren(...cards);
  section.querySelector(".verdict-line")?.remove();
  section.append(element("p", { class: "verdict-line" }, same ? "They agree." : "They disagree."));
}

/** What the champion says, and whether it was asked before the choice. */
export function showSuggestion(place, said) {
  place.hidden = !said;
  if (!said) return;
  const lines = said.suggestions.map(({ name, probability, mentioned }) =>
    element("p", {}, `The champion says: ${name} (${percent(probability)})${mentioned ? "" : "; no sentence names the target, so this is a guess"}.`),
  );
  if (said.abstains) lines.push(element("p", {}, `The champion abstains: ${said.abstains}`));
  if (said.asked) lines.push(element("p", { class: "asked" }, "You asked before you chose: your label may lean on it."));
  place.replaceChildren(...lines);
}
