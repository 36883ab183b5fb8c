# Connects to an address and relays both ways between it and its standard streams. First
# it writes one line: "ok", or why it could not.
use strict;
use Socket;
my ($network, $address) = @ARGV;
$SIG{PIPE} = "IGNORE";
sub say_and { my ($line, $status) = @_; syswrite(STDOUT, "$line\n"); exit $status if defined $status }
my ($domain, $to);
if ($network eq "unix") {
	($domain, $to) = (AF_UNIX, eval { pack_sockaddr_un($address) });
} else {
	my ($host, $port) = $address =~ /^\[?(.*?)\]?:(\d+)$/ or say_and("no address: $address", 1);
	my ($error, @found) = Socket::getaddrinfo($host, $port, { socktype => SOCK_STREAM });
	say_and("$error", 1) if $error;
	($domain, $to) = ($found[0]{family}, $found[0]{addr});
}
my $s;
socket($s, $domain, SOCK_STREAM, 0) && defined $to && connect($s, $to) or say_and("$!", 1);
say_and("ok");
my ($in, $out) = (1, 1);
sub pass {
	my ($from, $into) = @_;
	my $n = sysread($from, my $part, 65536);
	return 0 if !$n;
	for (my $at = 0; $at < $n;) {
		my $m = syswrite($into, $part, $n - $at, $at) or return -1;
		$at += $m;
	}
	return 1;
}
while ($out) {
	my $wait = "";
	vec($wait, fileno($s), 1) = 1;
	vec($wait, 0, 1) = 1 if $in;
	select($wait, undef, undef, undef) >= 0 or next;
	$out = pass($s, \*STDOUT) > 0 if vec($wait, fileno($s), 1);
	if ($out && $in && vec($wait, 0, 1) && pass(\*STDIN, $s) <= 0) { $in = 0; shutdown($s, 1) }
}
