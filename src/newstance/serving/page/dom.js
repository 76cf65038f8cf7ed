// The few helpers for building elements. Text goes in as text nodes: nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Build an element; strings among the children become text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Build an icon of one path; it says nothing to a screen reader. */
export function icon(path, className = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", className);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  cross: "M4 4l8 8M12 4l-8 8",
  toward: "M8 3l5.5 10h-11z",
  away: "M8 13l5.5-10h-11z",
  warning: "M8 2l6.5 12h-13zM8 6.5v3.5M8 11.8v.6",
  pause: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13M6.3 5.5v5M9.7 5.5v5",
};

/** Write a probability for people; what rounds to nothing or to certainty says so. */
export function percent(share) {
  const rounded = Math.round(share * 100);
  if (rounded === 0 && share > 0) return "<1%";
  if (rounded === 100 && share < 1) return ">99%";
  return `${rounded}%`;
}

/** Whether movement is wanted. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
