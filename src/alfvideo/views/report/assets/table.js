"use strict";
// Without this the table can be read, but not sorted or filtered.
dataTables.then(({ default: DataTable, set_or_remove_dark_class: followColourScheme }) => {
  followColourScheme();
  const form = document.querySelector(".filters");
  const table = new DataTable("#cameras", {
    autoWidth: false,
    order: [],
    pageLength: 50,
    lengthMenu: [50, 200, { label: "all", value: -1 }],
    // Until the browser is closed, so that a way back from a session leads to what was found.
    stateSave: true,
    stateDuration: -1,
    columnDefs: [
      { targets: 0, cellType: "th" },
      { targets: -1, orderable: false },
    ],
    layout: { topStart: () => form, topEnd: ["search", "pageLength"] },
    language: { search: "Search", lengthMenu: "Rows at a time _MENU_" },
  });
  const selects = form.querySelectorAll("select");
  const column = (select) => table.column(`${select.dataset.column}:name`);
  for (const select of selects) {
    select.value = column(select).search();
    select.addEventListener("change", () =>
      column(select).search(select.value, { exact: Boolean(select.value) }).draw(),
    );
  }
  form.addEventListener("reset", () => {
    for (const select of selects) column(select).search("");
    table.search("").draw();
  });
  form.hidden = false;
});
