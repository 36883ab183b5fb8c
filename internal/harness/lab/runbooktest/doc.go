// Package runbooktest types the pages of what production meets in its second year on the lab: other keys, another
// passphrase, a major upgrade, a lost drill host. CI has no time for it.
package runbooktest
