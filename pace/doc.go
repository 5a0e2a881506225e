// Package pace bounds how slowly a client may take an answer: each piece of it has the same time. Who takes it slowly gets it, however long it is;
// who has stopped loses the connection.
package pace
