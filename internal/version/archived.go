package version

// archived is what git archive writes in place of the format (.gitattributes): commit, its time,
// and what git describe says. In a checkout the format stands here as it is.
const archived = "$Format:%H|%cI|%(describe:tags,match=v[0-9]*)$"
