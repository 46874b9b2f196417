// The tab one is at is in sight also where the row is wider than the window, and so is one's place
// in a navigation that is longer than it.
export function attach(element) {
  const row = element.closest(".nav__scroll") ?? element.parentElement;
  if (row === element.parentElement) row.scrollLeft = element.offsetLeft - row.offsetLeft - (row.clientWidth - element.offsetWidth) / 2;
  else if (element.offsetTop + element.offsetHeight > row.clientHeight) row.scrollTop = element.offsetTop + element.offsetHeight - row.clientHeight;
}
