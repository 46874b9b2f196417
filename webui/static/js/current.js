// The tab one is at is in sight also where the row is wider than the window.
export function attach(element) {
  const row = element.parentElement;
  row.scrollLeft = element.offsetLeft - row.offsetLeft - (row.clientWidth - element.offsetWidth) / 2;
}
