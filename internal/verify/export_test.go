package verify

// PartsQuery is for the test that asks it of a real table.
const PartsQuery = partsQuery
