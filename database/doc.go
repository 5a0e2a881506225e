// Package database is what every room does alike that keeps its documents in a [kivik.DB], of the embedded engine or of a
// CouchDB: make a database that strangers stay out of ([Private]), bring a design document up to date ([PutDesign]), read
// a document as its text ([Text], [Raw]), put one that waits for something ([PutAfter]), or none of those that are here ([Held]).
//
// # Private databases
//
// Who makes a database by [Private] finds its _security afterwards as one of these lines:
//
//	was                                   is
//	nothing: there is no database         members and admins: the role _admin, and the members' roles that were asked for
//	members: nobody                       the same, as that is how databases begin which everybody may read; admins
//	                                      that were named stay
//	members: the role _admin alone        the same: it was made here, or in another region before the roles were known
//	members: anybody else                 what it was: an administrator meant it
//
// It holds again at each start, so a process that dies between making a database and closing it leaves nothing open. Databases
// whose names begin with "_" are made and nothing else: CouchDB guards them itself, and refuses another _security of _users.
//
// # Errors
//
// They wrap Kivik's, so kivik.HTTPStatus tells what happened; they name the database and, where it is about one, the document.
// That a database is there already, or a document is not, is no error.
package database
