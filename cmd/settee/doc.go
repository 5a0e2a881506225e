// Command settee is an npm registry and a CouchDB server in one process.
//
//	settee serve      runs both; needs no flag
//	settee audit      proves the log of who did what, or lists it
//	settee replicate  brings one database to another, of a folder or of any CouchDB API
//	settee ping       asks a server on this machine whether it serves; for health checks
//	settee check      proves the stores of a stopped server, and mends them with --repair
//	settee gc         removes tarballs and attachments that nothing names, also of a server that runs
//	settee user       makes, invites, disables and deletes accounts
//	settee token      makes, lists and revokes tokens of accounts
//	settee org        makes an organisation, and says who is in it
//	settee advisories brings in, lists and removes what is known of flawed versions
//	settee search     makes the search index of a stopped server anew
//	settee bench      measures a server: a running one, or one that it starts
//	settee settings   lists what _config of the CouchDB API can change
//	settee version    prints what this binary is
//	settee help       lists the commands; settee COMMAND --help explains one
//
// A flag's value comes from the command line, else from the environment variable
// SETTEE_ and its name in capitals ("-" as "_"), else from the file that --config
// names, else it is the default.
//
// # Exit codes
//
//	0  done; for serve: drained after SIGTERM, SIGINT or SIGHUP
//	1  failed, or check found a problem
//	2  the command line, the environment or the file is wrong; nothing was started
package main
