// The button that switches between light and dark; without a choice the system's theme it is.

/** Make a button the switch of the theme. */
export function themeToggle(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
    try {
      localStorage.setItem("theme", document.documentElement.dataset.theme);
    } catch {
      // Storage is switched off: the choice lasts until the page is left.
    }
  });
  show();
}
