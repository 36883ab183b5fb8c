# Kills every process whose environment holds the given entry, and their descendants,
# until none is left; prints how many it met.
use strict;
my $mark = $ARGV[0];
my %met;
for my $round (1 .. 400) {
	my (%parent, %marked);
	opendir(my $proc, "/proc") or die "/proc: $!\n";
	for my $pid (grep { /^\d+$/ && $_ != $$ && $_ != 1 } readdir $proc) {
		open(my $stat, "<", "/proc/$pid/stat") or next;
		my ($state, $up) = (<$stat> // "") =~ /.*\) (\S) (\d+)/ or next;
		next if $state eq "Z" || $state eq "X";
		$parent{$pid} = $up;
		open(my $environ, "<", "/proc/$pid/environ") or next;
		local $/;
		$marked{$pid} = 1 if grep { $_ eq $mark } split(/\0/, <$environ> // "");
	}
	my $grown = 1;
	while ($grown) {
		$grown = 0;
		for (grep { !$marked{$_} && $marked{ $parent{$_} } } keys %parent) { $marked{$_} = $grown = 1 }
	}
	if (!%marked) { print scalar(keys %met), "\n"; exit 0 }
	$met{$_} = 1 for keys %marked;
	kill 9, keys %marked;
	select(undef, undef, undef, 0.01);
}
print STDERR "still there: @{[sort keys %met]}\n";
exit 1;
