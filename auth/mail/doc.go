// Package mail sends the messages that accounts need: to prove an address, to set a
// forgotten password, to invite somebody. It hands them to an SMTP server, in the
// background, so that no request waits for one.
//
// # The server
//
//	smtp://user:password@host:587    STARTTLS, which must be offered
//	smtps://user:password@host:465   TLS from the first byte
//	smtp://127.0.0.1:25              on this machine STARTTLS where it is offered
//	smtp://host:25?tls=false         the same elsewhere; a password is not sent in clear even so
//
// The ports of the examples are the defaults. What signs in is the strongest of what the
// server knows, SCRAM before PLAIN.
//
// # The queue
//
//	Send ── at most 1,000 wait ── due messages, one connection for up to 50 ── server
//	            │                        │ refused for now (4xx), no connection
//	            └── after 10 s, 1, 5, 15, 30 minutes ──┘
//
// A message that is refused for good (5xx), whose time is over, or that failed six times is
// dropped and logged, by its kind and never by what it says: links are secrets. The queue
// is in memory. What waits when the process ends is lost and logged as a number; all that
// is sent here can be asked for again.
//
// # What is sent
//
// Plain text in UTF-8, with Date, Message-ID and Auto-Submitted (RFC 3834), so that no
// holiday answers. An address is one RFC 5321 mailbox without a name before it. Control
// characters in an address or a subject are refused: they would begin headers.
package mail
