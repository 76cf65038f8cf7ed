// Runs before the first paint, so that a chosen theme doesn't flash; toggle.js holds the rest.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's theme it is.
}
