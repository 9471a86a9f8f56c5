// Lists of people: arrow keys, Home and End move from row to row.
// Without this script the tabulator key does.
"use strict";
(() => {
  document.addEventListener("keydown", (event) => {
    const all = [...document.querySelectorAll(".worklist .c-who a")].filter((link) => link.offsetParent);
    const here = all.indexOf(document.activeElement);
    if (here < 0 || event.altKey || event.ctrlKey || event.metaKey) return; // only within the list
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all[to]) return;
    event.preventDefault();
    all[to].focus();
    all[to].closest("tr").scrollIntoView({ block: "nearest" });
  });
})();
