"""Given and family names for people who do not exist, as words in one text; any likeness to someone is chance."""

GIVEN = (
    "Aaliyah Abena Adam Adele Agnieszka Ahmed Aiko Akira Alejandra Alina Amara Amelie Amir Ana Anders Andrei Anika Anjali Anna "
    "Antonio Aoife Arjun Arturo Asha Astrid Ayesha Bao Beatriz Bela Benedikt Bilal Bjarne Blessing Bogdan Brigid Camila Carlos "
    "Carmen Chiara Chidi Chloe Ciara Claudia Clemens Conor Daisuke Dana Daniel Darius Deepa Diego Dilnoza Dmitri Dorota Eamon Ebba "
    "Eduardo Eleni Elif Emeka Emilia Emre Enzo Erik Esther Eva Farah Fatima Felix Fernanda Finn Florian Francesca Freya Gabriel "
    "Georgia Giulia Goran Grace Gunnar Hana Hannah Haruto Hassan Helena Henrik Hiroshi Hugo Ibrahim Ida Ifeoma Ilse Imani Ines "
    "Ingrid Isaac Isabel Ivan Jakub Jamal Jana Jasmin Javier Jin Joana Jonas Josefina Juan Julia Kaito Karim Karin Katarzyna Kavya "
    "Keiko Kenji Kofi Kwame Lars Laszlo Leila Lena Liam Linh Lucia Luis Maeve Magnus Maja Malik Manuel Mara Marco Maria Mateo "
    "Meera Mei Mercy Mikael Milena Min Mira Mohammed Nadia Naledi Naomi Nikhil Nina Noah Noor Nuno Olga Oluwaseun Omar Oscar Paola "
    "Pavel Pilar Priya Rahul Ravi Rosa Ruth Sanjay Sara Sean Selin Siddharth Sofia Soren Tamar Tariq Thandiwe Tomasz Uma Valentina "
    "Vikram Wei Yara Yusuf Zoë Zuzana "
)
"""Words apart by a space."""

FAMILY = (
    "Abara Abdi Acosta Adebayo Adeyemi Agarwal Ahn Aksoy Albrecht Almeida Alonso Amadi Andersen Andrade Appiah Aydin Bachmann "
    "Baker Balogun Banerjee Baptista Barros Bauer Becker Benali Berg Bergstrom Bianchi Bondarenko Boateng Brennan Brito Bui Byrne "
    "Cabrera Campos Cardoso Castillo Castro Chaudhry Chen Chowdhury Colombo Conti Costa Cruz Dahl Danso Darwish Das Delgado Demir "
    "Desai Diallo Dias Dimitrov Dlamini Doyle Dubois Duffy Dumitru Eder Ekström Eriksen Esposito Farouk Farrell Fernandes Fischer "
    "Flores Fontaine Forsberg Franco Fujita Gallagher Garcia Gomes Gonzalez Greco Gruber Gupta Haas Haddad Hagen Hansen Hartmann "
    "Hassan Hernandez Hoang Hofer Holm Horvat Huber Hughes Ibarra Ibekwe Ito Ivanov Iyer Jacobs Jansen Jensen Johansen Joshi "
    "Kaminski Kaplan Kapoor Kato Keane Keller Khalil Kim Kimani Klein Kovacs Kowalski Kruger Kumar Lam Larsen Leclerc Lee Lehmann "
    "Lim Lindqvist Lopez Lund Mahmoud Malhotra Maier Mancini Marques Martins Mehta Mendes Mensah Meyer Mishra Mokoena Moreau "
    "Morales Müller Murphy Mutua Nagy Nair Nakamura Navarro Ndiaye Neumann Nguyen Nilsen Novak Nowak Nwosu Obi Okafor Okonkwo "
    "Oliveira Olsen Omondi Ortiz Osei Ozturk Park Patel Pereira Petrov Pham Popescu Quinn Rahman Ramos Rao Reddy Ricci Riley Rossi "
    "Roy Saito Sandhu Santos Sato Schmidt Schneider Sharma Silva Singh Sokolov Suzuki Takahashi Tan Tanaka Torres Tran Tremblay "
    "Varga Vega Verma Vogel Wagner Walsh Wang Weber Winter Wong Yamamoto Yilmaz Zhang "
)
"""Words apart by a space."""
