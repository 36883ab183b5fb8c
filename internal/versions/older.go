package versions

import (
	"strconv"
	"strings"
)

// Older says whether version a is older than b; both are like 2.45 or 2.55.1. What is no
// version compares as 0.
func Older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if x, y := part(as, i), part(bs, i); x != y {
			return x < y
		}
	}
	return false
}

func part(version []string, i int) int {
	if i >= len(version) {
		return 0
	}
	digits, _, _ := strings.Cut(version[i], "dev")
	n, _ := strconv.Atoi(digits)
	return n
}
