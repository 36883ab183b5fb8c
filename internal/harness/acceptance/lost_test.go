package acceptance

import (
	"testing"

	"veza.fr/recovery/internal/reason"
)

// What was there and is not any more is found, and what every crash leaves is none of it.
func TestLost(t *testing.T) { lostFaults.run(t) }

var lostFaults = faults("TestLost", lost, []fault{
	{name: "Nothing", args: "-set {nothing}", exit: 0, why: reason.None},
	{
		name: "IndexFile", args: "-set {indexgone}", exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "files: index public.frozen_gin in database kept: its file base/ | is missing",
	},
	{
		name: "FileOfAMaterializedView", where: everywhere, args: "-set {viewgone}",
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: materialized view public.summary in database kept: its file base/ | is missing",
	},
	{
		name: "FileOfAMaterializedViewForTheReadAlone", args: "-set {viewgone} -deep full_read",
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "full_read: materialized view public.summary in database kept | SQLSTATE 58P01",
	},
	{
		name: "FileOfASequence", args: "-set {sequencegone}", exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: sequence public.numbers in database kept",
	},
	{
		name: "FileOfTOAST", args: "-set {toastgone}", exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: TOAST table pg_toast.pg_toast_ | in database kept",
	},
	{
		name: "IndexFileIsEmpty", args: "-set {indexempty}", exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "files: index public.frozen_brin in database kept | is empty",
	},
})
