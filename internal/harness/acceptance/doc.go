// Package acceptance holds no code: its tests run the whole drill as a user
// does, through a built testprom and a compiled drill, against repositories that were
// broken by hand, and demand the verdict that is true. Every table has a line a
// fault: what is broken, the exit status, the reason, and the words that name it.
package acceptance
