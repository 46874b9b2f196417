// The navigation as a drawer: focus goes in, and back to what opened it.
export function attach(drawer) {
  let before;
  drawer.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") before = document.activeElement;
  });
  drawer.addEventListener("toggle", (event) => {
    if (event.newState === "open") (drawer.querySelector("[aria-current]") ?? drawer.querySelector("a")).focus();
    else if (before?.isConnected) before.focus();
  });
}
